// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>RUN/UUID.released: why a guest ended, left for the sidecar, which decides by it what to do with the replica.</summary>
internal sealed class ReleaseReasons(string runDirectory)
{
    internal void Write(string uuid, string reason)
    {
        Directory.CreateDirectory(runDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        // Renamed into place, so that nobody reads half a reason.
        string draft = PathOf(uuid) + ".new";
        File.WriteAllText(draft, reason);
        File.Move(draft, PathOf(uuid), overwrite: true);
    }

    internal void Forget(string uuid)
    {
        if (File.Exists(PathOf(uuid)))
        {
            File.Delete(PathOf(uuid));
        }
    }

    private string PathOf(string uuid) => Path.Combine(runDirectory, uuid + ".released");
}
