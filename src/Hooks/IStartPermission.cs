// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Says whether an annotated guest may start on this host.</summary>
internal interface IStartPermission
{
    /// <summary>Why not, as a sentence for the user; null: it may.</summary>
    string? WhyNot(string guest, string uuid);

    /// <summary>The same for a guest that is about to come here by a migration. The start that follows is asked for besides.</summary>
    string? WhyNotMigrate(string guest, string uuid);
}
