// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux.Systemd;

/// <summary>Names that lines of the log gave together with a UUID, for later lines that have the UUID only. Newest name first; a name is never guessed.</summary>
internal sealed class KnownGuests
{
    // More guests than a host runs; beyond it all are learned anew.
    private const int Limit = 1024;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Dictionary<Guid, string> _names = [];

    /// <summary>The name that is said, else the last one that came with this UUID, else null.</summary>
    public string? Name(string? said, Guid? uuid)
    {
        if (uuid is not Guid guest)
        {
            return said;
        }
        lock (_gate)
        {
            if (string.IsNullOrEmpty(said))
            {
                return _names.GetValueOrDefault(guest);
            }
            if (_names.Count >= Limit && !_names.ContainsKey(guest))
            {
                _names.Clear();
            }
            return _names[guest] = said.Length > JournalEntry.ValueLimit ? said[..JournalEntry.ValueLimit] : said;
        }
    }
}
