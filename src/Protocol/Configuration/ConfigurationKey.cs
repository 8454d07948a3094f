// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>One key of hikae.conf.</summary>
/// <param name="Section">Without brackets.</param>
/// <param name="Name">As written before the equals sign.</param>
/// <param name="Allowed">The values it takes, in words that fit after "use".</param>
/// <param name="Apply">Gives the configuration with the value set; null when the value is not allowed.</param>
internal sealed record ConfigurationKey(
    string Section,
    string Name,
    string Allowed,
    Func<HikaeConfiguration, string, HikaeConfiguration?> Apply);
