// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Bench.Loads;

/// <summary>A command in a guest that is timed, one before it that is not, and what the paper on backup VM consolidation found with it.</summary>
internal sealed record Load(string Name, string Prepare, string Command, double PaperSlowdownPercent, double PaperSavedMB)
{
    // Of the 134 of lib/ and mm/ that a tinyconfig compiles.
    private const int FullObjects = 24;
    private const int FullFileMiB = 2048;
    private const int FullPostmarkFiles = 4000;
    private const int PostmarkLowBytes = 4096;
    private const int PostmarkHighBytes = 1 << 20;

    /// <summary>What ran, in words.</summary>
    public required string Size { get; init; }

    /// <summary>PostMark, gzip and a compilation.</summary>
    /// <param name="scale">The share of their full size, above 0 to 1.</param>
    public static IReadOnlyList<Load> Paper(double scale)
    {
        int files = Scaled(FullPostmarkFiles, scale);
        int objects = Scaled(FullObjects, scale);
        // As many, evenly spread over the whole list.
        string list = $"awk -v all=$(wc -l <objects) \"int(NR * {objects} / all) > int((NR - 1) * {objects} / all)\" objects";
        string postmark = $"set location /var/tmp/postmark\\nset number {files}\\nset transactions {files}\\nset size {PostmarkLowBytes} {PostmarkHighBytes}\\nrun\\nquit\\n";
        return
        [
            new Load("postmark", "rm -rf /var/tmp/postmark && mkdir /var/tmp/postmark", $"printf \"{postmark}\" | postmark", 33.3, 1416)
            {
                Size = $"{files} files of {PostmarkLowBytes} to {PostmarkHighBytes} bytes, {files} transactions",
            },
            // Its host, too, is to have read the file: before a protected run the sidecar reads all of the disk.
            new Load("gzip", $"cat /{LoadGuest.FileName} >/dev/null", $"gzip -1 </{LoadGuest.FileName} >/dev/null", 10.2, 1242)
            {
                Size = $"{FileMiB(scale)} MiB, each second MiB text, the others noise; gzip -1 to nowhere",
            },
            new Load("make", $"cd /usr/src/linux && {list} | xargs rm -f", $"cd /usr/src/linux && make -s $({list})", 20.1, 237)
            {
                Size = $"{objects} objects of lib/ and mm/ of Linux 6.12, tinyconfig",
            },
        ];
    }

    /// <summary>Length of the file that gzip reads, in MiB.</summary>
    public static int FileMiB(double scale) => Scaled(FullFileMiB, scale);

    private static int Scaled(int full, double scale) => Math.Max(1, (int)(full * scale));
}
