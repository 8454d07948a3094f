// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Sidecar.Tests;

public class GuestMigrationTests
{
    private bool _isRunning;

    [Fact]
    public void A_guest_that_was_sent_whole_counts_as_away_until_it_runs_here_again()
    {
        var migration = new GuestMigration(() => _isRunning);
        migration.Check();
        migration.Begin();
        _isRunning = true;
        Assert.Throws<NotProtectableException>(migration.Check);

        _isRunning = false;
        migration.End(isComplete: true);

        Assert.Throws<NotProtectableException>(migration.Check);
        Assert.True(migration.IsUnderWay);
        _isRunning = true;
        migration.Check();
        Assert.False(migration.IsUnderWay);
    }

    [Fact]
    public void A_migration_that_failed_is_over_at_once()
    {
        var migration = new GuestMigration(() => throw new InvalidOperationException("nobody may be asked"));
        migration.Begin();

        migration.End(isComplete: false);

        migration.Check();
    }
}
