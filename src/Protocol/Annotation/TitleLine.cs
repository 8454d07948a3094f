// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Protocol.Control;

namespace Hikae.Protocol.Annotation;

/// <summary>
/// How a guest's title, the line that virt-manager and <c>virsh list --title</c> show, tells of its protection:
/// <c>OWN TITLE [hikae: STATE, MORE]</c>, with the guest's name in place of a title it has not.
/// </summary>
/// <remarks>What was there before can be told from the line itself, so that whoever finds it, after whatever crash, can put it back.</remarks>
public static class TitleLine
{
    private const string Mark = " [hikae: ";
    private const char End = ']';
    private const int MaxReasonChars = 80;

    /// <summary>The line for a state. Never more than one line: libvirt refuses others.</summary>
    /// <param name="own">The title that is the administrator's; null when there is none.</param>
    /// <param name="guest">The guest's name.</param>
    /// <param name="status">How it is protected.</param>
    public static string Of(string? own, string guest, GuestStatus status)
    {
        ArgumentNullException.ThrowIfNull(status);
        string more = status.State switch
        {
            GuestState.Protected when status.Peer is not null => $", backup {OneLine(status.Peer)}",
            GuestState.Unprotected or GuestState.Paused when status.Reason is not null => $", {OneLine(status.Reason)}",
            _ => "",
        };
        return $"{Before(own, guest)}{Mark}{JsonNamingPolicy.CamelCase.ConvertName(status.State.ToString())}{more}{End}";
    }

    /// <summary>What the administrator had written, of a title that may be ours; null when it was nothing.</summary>
    public static string? Own(string? title, string guest)
    {
        if (title is null || !IsOurs(title))
        {
            return title;
        }

        string before = title[..title.IndexOf(Mark, StringComparison.Ordinal)];
        return before == guest ? null : before == Before(guest, guest) ? guest : before;
    }

    /// <summary>Whether a title tells of protection.</summary>
    public static bool IsOurs(string title)
    {
        ArgumentNullException.ThrowIfNull(title);
        return title.EndsWith(End) && title.Contains(Mark, StringComparison.Ordinal);
    }

    // A title that is the guest's name is told from no title by one more space.
    private static string Before(string? own, string guest) => own is null ? guest : own == guest ? guest + ' ' : own;

    private static string OneLine(string text) =>
        string.Concat(text.Take(MaxReasonChars).Select(c => char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' or '\uFFFE' or '\uFFFF' ? ' ' : c));
}
