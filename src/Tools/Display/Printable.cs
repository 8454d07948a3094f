// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Display;

/// <summary>Texts that came over a socket or out of a guest's XML could steer a terminal: control characters do not get there.</summary>
internal static class Printable
{
    internal static string Line(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c)).Trim();
}
