// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Native.Linux.Systemd;

/// <summary>What a line of the log says itself of its guest, by the names of its placeholders: Guest, Uuid, Role, Epoch.</summary>
internal static class StatedOrigin
{
    public static JournalOrigin Of(object? state)
    {
        JournalOrigin said = JournalOrigin.None;
        foreach ((string name, object? value) in state as IEnumerable<KeyValuePair<string, object?>> ?? [])
        {
            said = (name, value) switch
            {
                ("Guest", string guest) => said with { Guest = guest },
                ("Uuid", Guid uuid) => said with { Uuid = uuid },
                ("Role", not null) => said with { Role = value.ToString()?.ToLowerInvariant() },
                ("Epoch", not null) => said with { Epoch = NumberOf(value) },
                _ => said,
            };
        }
        return said;
    }

    /// <summary>Of "12", and of "epoch 12", which is how an epoch shows itself.</summary>
    private static ulong NumberOf(object value)
    {
        string text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return ulong.TryParse(text.AsSpan(text.LastIndexOf(' ') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : 0;
    }
}
