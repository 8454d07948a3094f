// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Hooks.Tests;

public sealed class QemuHookTests : IDisposable
{
    private readonly string _run = Directory.CreateTempSubdirectory("hikae-hook-").FullName;
    private readonly RecordedUnits _units = new();
    private readonly StringWriter _trouble = new();

    public void Dispose() => Directory.Delete(_run, recursive: true);

    [Theory]
    [InlineData("prepare")]
    [InlineData("start")]
    [InlineData("started")]
    [InlineData("stopped")]
    [InlineData("release")]
    [InlineData("migrate")]
    [InlineData("restore")]
    [InlineData("reconnect")]
    [InlineData("attach")]
    [InlineData("an operation of next year")]
    public void A_guest_without_annotation_is_left_alone(string operation)
    {
        Assert.Equal(0, Run(operation, Domain.Xml("<x:y xmlns:x=\"urn:x\"/>"), new RefusedStart()));

        Assert.Empty(_units.Calls);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_run));
    }

    [Theory]
    [InlineData("prepare")]
    [InlineData("started")]
    [InlineData("release")]
    public void A_guest_the_backup_side_creates_is_left_alone(string operation)
    {
        Assert.Equal(0, Run(operation, Domain.Xml(Domain.Incoming), new RefusedStart()));
        Assert.Equal(0, Run(operation, Domain.Xml(Domain.Incoming + Domain.Protect), new RefusedStart()));

        Assert.Empty(_units.Calls);
    }

    [Theory]
    [InlineData(Domain.Protect)]
    [InlineData(Domain.Malformed)]
    [InlineData("<protect xmlns='urn:hikae:domain:1'/>")]
    public void Started_starts_the_sidecar_even_of_a_misspelt_annotation(string metadata)
    {
        Assert.Equal(0, Run("started", Domain.Xml(metadata)));

        Assert.Equal(["start " + Domain.Uuid], _units.Calls);
    }

    [Fact]
    public void Release_leaves_the_reason_and_stops_the_sidecar()
    {
        Assert.Equal(0, Run("release", Domain.Xml(Domain.Protect), reason: "crashed"));

        Assert.Equal(["stop " + Domain.Uuid], _units.Calls);
        Assert.Equal("crashed", File.ReadAllText(Path.Combine(_run, Domain.Uuid + ".released")));
        Assert.Single(Directory.EnumerateFileSystemEntries(_run));
    }

    [Fact]
    public void The_reason_of_an_earlier_life_is_forgotten()
    {
        Run("release", Domain.Xml(Domain.Protect));

        Run("started", Domain.Xml(Domain.Protect));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_run));
    }

    [Fact]
    public void Prepare_refuses_with_the_reason_last()
    {
        Assert.Equal(1, Run("prepare", Domain.Xml(Domain.Protect), new RefusedStart()));

        Assert.Equal("hikae: guest web is active on hostB\n", _trouble.ToString());
    }

    [Fact]
    public void A_migration_to_this_host_is_asked_for_before_its_start()
    {
        Assert.Equal(1, Run("migrate", Domain.Xml(Domain.Protect), new RefusedStart()));

        Assert.Equal("hikae: guest web cannot be asked for\n", _trouble.ToString());
    }

    [Theory]
    [InlineData("prepare")]
    [InlineData("migrate")]
    public void What_could_not_be_asked_is_not_permitted(string operation)
    {
        Assert.Equal(1, Run(operation, Domain.Xml(Domain.Protect), new BrokenPermission()));

        Assert.Contains("could not be asked: out of luck", _trouble.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("migrate")]
    [InlineData("prepare")]
    [InlineData("start")]
    [InlineData("stopped")]
    [InlineData("reconnect")]
    public void No_other_operation_has_an_effect(string operation)
    {
        Assert.Equal(0, Run(operation, Domain.Xml(Domain.Protect)));

        Assert.Empty(_units.Calls);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../etc/passwd")]
    [InlineData("0f1e2d3c4b5a69788796a5b4c3d2e1f0")]
    [InlineData("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/")]
    [InlineData("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg")]
    public void A_uuid_that_is_none_becomes_no_path_and_no_unit_name(string uuid)
    {
        Assert.Equal(0, Run("started", Domain.Xml(Domain.Protect, uuid)));

        Assert.Empty(_units.Calls);
        Assert.Contains("no valid uuid", _trouble.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Cut_anywhere_the_XML_does_no_harm()
    {
        byte[] xml = Domain.Xml(Domain.Protect);

        Assert.All(Enumerable.Range(0, xml.Length), length => Assert.Equal(0, Run("started", xml[..length])));
    }

    [Fact]
    public void Input_is_read_to_the_limit_and_no_further()
    {
        using var endless = new EndlessStream(Domain.Xml(Domain.Protect));

        Assert.Equal(0, Run("started", endless));

        Assert.Equal(QemuHook.MaxInput, endless.Position);
        Assert.Equal(["start " + Domain.Uuid], _units.Calls);
    }

    private int Run(string operation, byte[] xml, IStartPermission? permission = null, string reason = "-") =>
        Run(operation, new MemoryStream(xml), permission, reason);

    private int Run(string operation, Stream xml, IStartPermission? permission = null, string reason = "-") =>
        new QemuHook(permission ?? new GrantedStart(), _units, new ReleaseReasons(_run), _trouble)
            .Run(HookCall.FromArguments(["web", operation, "begin", reason])!, xml);
}
