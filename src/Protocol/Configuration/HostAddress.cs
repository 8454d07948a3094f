// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Hikae.Protocol.Configuration;

/// <summary>A peer as an operator writes it: HOST or HOST:PORT, with an IPv6 address in brackets when a port follows.</summary>
/// <param name="Host">DNS name or address, 1 to 253 characters, without brackets.</param>
/// <param name="Port">Null: the port of hikae.conf.</param>
public sealed record HostAddress(string Host, int? Port)
{
    /// <summary>The longest name DNS can carry.</summary>
    public const int MaxHostLength = 253;

    /// <summary>Reads HOST, HOST:PORT, an IPv6 address, or [IPV6]:PORT.</summary>
    public static bool TryParse(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out HostAddress? address)
    {
        address = null;
        string host = text;
        string? portText = null;
        if (text.StartsWith('['))
        {
            int end = text.IndexOf(']', StringComparison.Ordinal);
            if (end < 0 || (end + 1 < text.Length && text[end + 1] != ':'))
            {
                return false;
            }

            host = text[1..end];
            portText = end + 1 < text.Length ? text[(end + 2)..] : null;
            if (!IsIPv6(host))
            {
                return false;
            }
        }
        else if (text.Count(c => c == ':') == 1)
        {
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            (host, portText) = (text[..colon], text[(colon + 1)..]);
        }

        int? port = null;
        if (portText is not null)
        {
            if (!int.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number is < 1 or > 65535)
            {
                return false;
            }

            port = number;
        }

        if (!IsName(host) && !IsIPv6(host))
        {
            return false;
        }

        address = new HostAddress(host, port);
        return true;
    }

    /// <summary>As an operator would write it; <see cref="TryParse"/> reads it back.</summary>
    public override string ToString()
    {
        string host = Port is not null && Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host;
        return Port is int port ? string.Create(CultureInfo.InvariantCulture, $"{host}:{port}") : host;
    }

    /// <summary>Only characters of host names and IPv4 addresses: nothing a shell, a path or a unit name could trip over.</summary>
    internal static bool IsName(string text) =>
        text.Length is >= 1 and <= MaxHostLength
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_')
        && text[0] is not ('-' or '.');

    private static bool IsIPv6(string text) =>
        text.Contains(':', StringComparison.Ordinal)
        && text.Length <= MaxHostLength
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '.' or '%')
        && IPAddress.TryParse(text, out IPAddress? address)
        && address.AddressFamily == AddressFamily.InterNetworkV6;
}
