// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Text;

namespace Hikae.Hooks;

/// <summary>The three facts a hook needs from a domain's XML.</summary>
/// <remarks>
/// Looked for by hand, because an XmlReader is 4 MB of program and most of a hook's start-up time. That is enough here:
/// libvirt writes the domain's uuid before any text a user controls and escapes the rest, and a namespace found in the
/// wrong place only starts a sidecar, which parses the XML properly, says what it found and goes.
/// </remarks>
/// <param name="Uuid">In lower case with hyphens; null when there is none: it becomes part of paths and unit names.</param>
/// <param name="IsAnnotated">The user asked for protection, rightly spelt or not.</param>
/// <param name="IsIncoming">The backup side creates this domain and has a sidecar for it.</param>
internal readonly record struct DomainScan(string? Uuid, bool IsAnnotated, bool IsIncoming)
{
    private const int UuidLength = 36;

    internal static DomainScan Of(ReadOnlySpan<byte> domainXml) => new(
        FindUuid(domainXml),
        HasNamespace(domainXml, "urn:hikae:domain:1"u8),
        HasNamespace(domainXml, "urn:hikae:incoming:1"u8));

    private static string? FindUuid(ReadOnlySpan<byte> xml)
    {
        ReadOnlySpan<byte> opening = "<uuid>"u8;
        int start = xml.IndexOf(opening);
        if (start < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> rest = xml[(start + opening.Length)..];
        return rest.Length > UuidLength
            && rest[UuidLength] == '<'
            && Utf8Parser.TryParse(rest[..UuidLength], out Guid uuid, out int used, 'D')
            && used == UuidLength
                ? uuid.ToString("D")
                : null;
    }

    /// <summary>Only as an attribute's whole value: our namespace named in a description is not an annotation.</summary>
    private static bool HasNamespace(ReadOnlySpan<byte> xml, ReadOnlySpan<byte> uri)
    {
        for (int at = xml.IndexOf(uri); at >= 0;)
        {
            int end = at + uri.Length;
            if (at >= 2 && end < xml.Length && xml[at - 2] == '='
                && (xml[at - 1] is (byte)'"' or (byte)'\'')
                && xml[end] == xml[at - 1])
            {
                return true;
            }

            int next = xml[end..].IndexOf(uri);
            at = next < 0 ? -1 : end + next;
        }

        return false;
    }
}
