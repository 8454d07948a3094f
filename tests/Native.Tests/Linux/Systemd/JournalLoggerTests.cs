// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using Hikae.Native.Linux.Systemd;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Hikae.Native.Tests.Linux.Systemd;

public sealed partial class JournalLoggerTests : IDisposable
{
    private static readonly Guid Uuid = Guid.Parse("5f8a2e4c-94f2-4f0f-9d43-5a0c4b6f8a11");

    private readonly Journal _journal = new();
    private readonly StringWriter _errors = new();
    private JournalOrigin _origin = JournalOrigin.None;

    [Fact]
    public void A_line_arrives_with_the_fields_it_names()
    {
        Died(Logger(), "primary", "web", Uuid);

        Assert.Equal(
            [
                new("MESSAGE", $"The primary sidecar of web ({Uuid}) died"),
                new("PRIORITY", "3"),
                new("SYSLOG_IDENTIFIER", "hikaed"),
                new("HIKAE_GUEST", "web"),
                new("HIKAE_UUID", Uuid.ToString()),
                new("HIKAE_ROLE", "primary"),
                new("HIKAE_EVENT", "403"),
            ],
            _journal.Next());
        Assert.Equal("", _errors.ToString());
    }

    [Fact]
    public void What_a_line_does_not_say_comes_from_the_process_and_what_it_says_comes_first()
    {
        _origin = new JournalOrigin("web", Uuid, "backup", 7);
        ILogger logger = Logger();

        Done(logger, 12);
        Shown(logger, new ShownEpoch());
        Plain(logger);

        Assert.Equal(["12", "13", "7"], Enumerable.Range(0, 3).Select(_ => ValueOf(_journal.Next(), "HIKAE_EPOCH")));
    }

    [Fact]
    public void A_line_with_the_uuid_alone_carries_the_name_that_came_with_it_before()
    {
        ILogger logger = Logger();

        Starting(logger, Uuid);
        Died(logger, "backup", "web", Uuid);
        Starting(logger, Uuid);

        Assert.Equal([null, "web", "web"], Enumerable.Range(0, 3).Select(_ => ValueOf(_journal.Next(), "HIKAE_GUEST")));
    }

    [Theory]
    [InlineData(LogLevel.Critical, "2")]
    [InlineData(LogLevel.Error, "3")]
    [InlineData(LogLevel.Warning, "4")]
    [InlineData(LogLevel.Information, "6")]
    [InlineData(LogLevel.Debug, "7")]
    public void A_level_is_a_priority_of_syslog(LogLevel level, string priority)
    {
        ILogger logger = Logger();

        Said(logger, level, "said");

        Assert.Equal(priority, ValueOf(_journal.Next(), "PRIORITY"));
    }

    [Fact]
    public void No_name_and_no_message_can_make_a_field()
    {
        const string Evil = "web\nPRIORITY=0\nHIKAE_GUEST=bank\n\u0001\0\0\0\0\0\0\0x\n";

        Died(Logger(), Evil, Evil, Uuid);

        List<KeyValuePair<string, string>> entry = _journal.Next();
        Assert.Equal(["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "HIKAE_GUEST", "HIKAE_UUID", "HIKAE_ROLE", "HIKAE_EVENT"], entry.Select(field => field.Key));
        Assert.Equal(Evil, ValueOf(entry, "HIKAE_GUEST"));
        Assert.Equal("3", ValueOf(entry, "PRIORITY"));
        Assert.Contains(Evil, ValueOf(entry, "MESSAGE"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x", 1)]
    [InlineData("é", 2)]
    [InlineData("\n", 1)]
    [InlineData("\U0001F600", 4)]
    public void What_is_too_long_is_cut_between_two_characters(string character, int bytes)
    {
        // One byte more, so that no limit falls between two characters by itself.
        string name = "a" + string.Concat(Enumerable.Repeat(character, 64 * 1024));

        Died(Logger(), "primary", name, Uuid);

        List<KeyValuePair<string, string>> entry = _journal.Next();
        Assert.InRange(Encoding.UTF8.GetByteCount(ValueOf(entry, "MESSAGE")!), JournalEntry.MessageLimit - bytes + 1, JournalEntry.MessageLimit);
        Assert.InRange(Encoding.UTF8.GetByteCount(ValueOf(entry, "HIKAE_GUEST")!), JournalEntry.ValueLimit - bytes + 1, JournalEntry.ValueLimit);
        Assert.DoesNotContain('\uFFFD', ValueOf(entry, "MESSAGE") + ValueOf(entry, "HIKAE_GUEST"));
        Assert.Equal("403", ValueOf(entry, "HIKAE_EVENT"));
        Assert.Equal("", _errors.ToString());
    }

    [Fact]
    public void The_largest_entry_fits_into_a_datagram()
    {
        string text = new('\n', 1 << 20);
        _origin = new JournalOrigin(text, Uuid, text, ulong.MaxValue);

        Failed(Logger(), text, new InvalidOperationException(text));

        Assert.Equal(JournalEntry.MessageLimit, ValueOf(_journal.Next(), "MESSAGE")!.Length);
        Assert.Equal("", _errors.ToString());
    }

    [Fact]
    public void Without_a_journal_a_line_goes_to_standard_error_with_its_priority()
    {
        using var provider = new JournalLoggerProvider("hikaed", () => _origin, _journal.Path + ".gone", _errors);

        ILogger logger = provider.CreateLogger("any");

        Said(logger, LogLevel.Warning, "one\ntwo");

        Assert.Equal($"<4>one two{Environment.NewLine}", _errors.ToString());
    }

    [Fact]
    public void A_journal_that_does_not_read_is_not_waited_for_and_is_told_later_what_it_missed()
    {
        ILogger logger = Logger();
        const int Lines = 10_000;
        for (int i = 0; i < Lines; i++)
        {
            Said(logger, LogLevel.Information, "line");
        }

        // Room for one more line, and for the note behind it.
        _journal.Next();
        _journal.Next();
        Said(logger, LogLevel.Information, "later");

        var messages = new List<string>();
        do
        {
            messages.Add(ValueOf(_journal.Next(), "MESSAGE")!);
        }
        while (!messages[^1].StartsWith("The journal was full", StringComparison.Ordinal));
        Assert.Equal("later", messages[^2]);
        // The two that were read first came too.
        Assert.Equal($"The journal was full: {Lines - messages.Count} earlier lines are lost", messages[^1]);
        Assert.Equal("", _errors.ToString());
    }

    [Fact]
    public void Standard_error_is_the_journal_when_device_and_inode_say_so()
    {
        using FileStream file = File.Open(Path.GetTempFileName(), new FileStreamOptions { Options = FileOptions.DeleteOnClose });
        int descriptor = (int)file.SafeFileHandle.DangerousGetHandle();
        Assert.Equal(0, Mono.Unix.Native.Syscall.fstat(descriptor, out Mono.Unix.Native.Stat stat));

        Assert.True(JournalStream.Is($"{stat.st_dev}:{stat.st_ino}", descriptor));
        Assert.All([null, "", ":", $"{stat.st_dev}:{stat.st_ino + 1}", $"{stat.st_dev + 1}:{stat.st_ino}", $"{stat.st_dev}", $"{stat.st_dev}:{stat.st_ino}:1"], value =>
            Assert.False(JournalStream.Is(value, descriptor)));
    }

    public void Dispose()
    {
        _journal.Dispose();
        _errors.Dispose();
    }

    [LoggerMessage(403, LogLevel.Error, "The {Role} sidecar of {Guest} ({Uuid}) died")]
    private static partial void Died(ILogger logger, string role, string guest, Guid uuid);

    [LoggerMessage(401, LogLevel.Information, "Starting the sidecar of {Uuid}")]
    private static partial void Starting(ILogger logger, Guid uuid);

    [LoggerMessage(405, LogLevel.Warning, "It runs here from epoch {Epoch}")]
    private static partial void Done(ILogger logger, ulong epoch);

    [LoggerMessage(202, LogLevel.Information, "{Epoch} is the first")]
    private static partial void Shown(ILogger logger, ShownEpoch epoch);

    [LoggerMessage(1, LogLevel.Information, "Plain")]
    private static partial void Plain(ILogger logger);

    [LoggerMessage(2, LogLevel.Error, "{Text}")]
    private static partial void Failed(ILogger logger, string text, Exception error);

    [LoggerMessage(EventId = 3, Message = "{Text}")]
    private static partial void Said(ILogger logger, LogLevel level, string text);

    private static string? ValueOf(List<KeyValuePair<string, string>> entry, string field) =>
        entry.Where(pair => pair.Key == field).Select(pair => pair.Value).SingleOrDefault();

    private ILogger Logger() => new JournalLoggerProvider("hikaed", () => _origin, _journal.Path, _errors).CreateLogger("any");

    /// <summary>Shows itself as the sidecar's EpochId does.</summary>
    private sealed class ShownEpoch
    {
        public override string ToString() => "epoch 13";
    }
}
