// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Protocol.Ownership;

/// <summary>The default arbiter: a directory on the storage that both hosts' guests need anyway.</summary>
/// <remarks>
/// Theory of operation. Each guest has a directory named by its UUID, and in it one symbolic link per generation, named by its number,
/// whose target is the record's text (<see cref="OwnershipText"/>). The links point nowhere and are never followed. symlink(2) creates
/// name and content in one step and fails when the name exists, also over NFS. So a generation has at most one winner,
/// and there is no moment at which its record is half written. (A file would need a temporary one and link(2), which .NET does
/// not offer: File.Move looks whether the target exists and then renames over it, so two hosts could both believe they had won.)
///
/// A claim is known by its content, not by what the call returned: a lost NFS reply makes symlink(2) report EEXIST for the caller's own link.
///
/// Old generations are removed, so "the name is free" alone would let a host with an old listing win a generation that
/// was given away and swept. Therefore the claimer lists the directory after it created the link, and a higher generation means
/// it lost. A missing predecessor without a higher generation means that this is not the directory it read before (say, the share is
/// not mounted).
///
/// NFS clients cache listings. One that has itself just changed a directory must fetch it again; so <see cref="Read"/> first creates
/// and removes a probe. That also proves that the host could claim, which is what a lease must mean.
///
/// Invariant: the newest <see cref="KeptGenerations"/> links are never removed, so the newest is never won twice.
/// </remarks>
public sealed class SharedDirectoryArbiter : IArbiter
{
    /// <summary>Records kept for people who ask what happened. At least 2: the predecessor proves that the directory is the right one.</summary>
    public const int KeptGenerations = 16;

    private const int NameLength = 19;

    // asm-generic/errno-base.h; .NET reports errno as an IOException's HResult.
    private const int EEXIST = 17;

    private const string ProbePrefix = ".probe-";

    private readonly string _directory;
    private readonly Action<string> _syncDirectory;

    /// <param name="directory">An existing directory on storage shared by all hosts.</param>
    /// <param name="syncDirectory">
    /// fsync(2) of a directory, called before a claim is reported as won. .NET cannot open directories, so the host program hands it in;
    /// without it a claim may be forgotten when the machine that holds the file system loses power.
    /// </param>
    public SharedDirectoryArbiter(string directory, Action<string>? syncDirectory = null)
    {
        _directory = Path.GetFullPath(directory);
        _syncDirectory = syncDirectory ?? (static _ => { });
    }

    /// <inheritdoc/>
    public OwnershipRecord? Read(Guid guest) => Guarded(() => ReadFresh(Folder(guest), guest));

    /// <inheritdoc/>
    public bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner)
    {
        string text = OwnershipText.Write(next);
        string folder = Folder(next.Guest);
        winner = Guarded(() =>
        {
            RequireDirectory();
            if (next.Generation > 1 && Target(Path.Combine(folder, Name(next.Generation - 1))) is null)
            {
                return SucceededBy(folder, next);
            }
            CreateFolder(folder);
            Publish(Path.Combine(folder, Name(next.Generation)), text);
            OwnershipRecord? newest = Newest(folder, next.Guest);
            if (newest == next)
            {
                _syncDirectory(folder);
                Sweep(folder, next.Generation);
            }
            return newest;
        });
        if (winner is null || winner.Generation < next.Generation)
        {
            throw new ArbiterUnavailableException($"{folder}: generation {next.Generation} was neither won nor lost; the newest is {winner?.Generation ?? 0}.");
        }
        return winner == next;
    }

    /// <summary>Who won, for a claimer whose predecessor is not there: either it was swept, or this is another directory.</summary>
    private OwnershipRecord SucceededBy(string folder, OwnershipRecord next)
    {
        OwnershipRecord? newest = ReadFresh(folder, next.Guest);
        return newest is not null && newest.Generation >= next.Generation
            ? newest
            : throw new ArbiterUnavailableException(
                $"{folder} does not hold generation {next.Generation - 1}, which was read before: it is not the same directory. Is the shared storage mounted?");
    }

    private OwnershipRecord? ReadFresh(string folder, Guid guest)
    {
        RequireDirectory();
        if (!Directory.Exists(folder))
        {
            // That could be a cached answer; see the remarks.
            Probe(_directory);
            if (!Directory.Exists(folder))
            {
                return null;
            }
        }
        Probe(folder);
        return Newest(folder, guest);
    }

    private string Folder(Guid guest) => Path.Combine(_directory, guest.ToString("D", CultureInfo.InvariantCulture));

    private static string Name(long generation) => generation.ToString("D19", CultureInfo.InvariantCulture);

    private void RequireDirectory()
    {
        // Never created here: an unmounted share would look like a fresh arbiter that agrees to everything.
        if (!Directory.Exists(_directory))
        {
            throw new ArbiterUnavailableException($"The arbiter directory {_directory} does not exist or cannot be reached.");
        }
    }

    private void CreateFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            _syncDirectory(_directory);
        }
    }

    private static void Publish(string path, string text)
    {
        try
        {
            File.CreateSymbolicLink(path, text);
        }
        catch (IOException error) when (error.HResult == EEXIST || Target(path) is not null)
        {
            // Taken, by another or by a request of ours whose reply was lost; it may even have been swept since. The newest record,
            // read afterwards, is what counts.
        }
    }

    private static void Probe(string folder)
    {
        string probe = Path.Combine(folder, ProbePrefix + Guid.NewGuid().ToString("N"));
        File.CreateSymbolicLink(probe, "probe");
        File.Delete(probe);
    }

    private static OwnershipRecord? Newest(string folder, Guid guest)
    {
        string? reason = null;
        // A name can vanish between listing and reading only when it was swept, and then there are newer ones: list again.
        for (int attempt = 0; attempt < 3; attempt++)
        {
            long generation = HighestGeneration(folder);
            if (generation == 0)
            {
                return null;
            }
            string path = Path.Combine(folder, Name(generation));
            if (Target(path) is not string text)
            {
                reason = $"{path} cannot be read";
                continue;
            }
            if (!OwnershipText.TryRead(text, out OwnershipRecord record, out reason) || record.Guest != guest || record.Generation != generation)
            {
                // Never fall back to an older record: it would give the guest to a host that has lost it.
                throw new ArbiterUnavailableException($"{path} is no record of this guest's generation {generation}: {reason ?? "it belongs to another"}.");
            }
            return record;
        }
        throw new ArbiterUnavailableException($"{reason}.");
    }

    private static long HighestGeneration(string folder) => Generations(folder).DefaultIfEmpty().Max();

    private static IEnumerable<long> Generations(string folder)
    {
        foreach (string path in Directory.EnumerateFileSystemEntries(folder))
        {
            string name = Path.GetFileName(path);
            if (name.Length == NameLength && long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long generation) && generation > 0)
            {
                yield return generation;
            }
        }
    }

    private static void Sweep(string folder, long newest)
    {
        try
        {
            foreach (long generation in Generations(folder).Where(generation => generation <= newest - KeptGenerations).ToList())
            {
                Discard(Path.Combine(folder, Name(generation)));
            }
            foreach (string probe in Directory.EnumerateFileSystemEntries(folder, ProbePrefix + "*"))
            {
                Discard(probe);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The claim is won; what is left lying there is swept by the next winner.
        }
    }

    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // As in Sweep.
        }
    }

    private static string? Target(string path) => new FileInfo(path).LinkTarget;

    private static T Guarded<T>(Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ArbiterUnavailableException($"The arbiter directory cannot be used: {error.Message}", error);
        }
    }
}
