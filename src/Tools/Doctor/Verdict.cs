// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;
using Hikae.Protocol.Control;

namespace Hikae.Tools.Doctor;

/// <summary>How bad a finding is.</summary>
[JsonConverter(typeof(WireName<Verdict>))]
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Guests can be protected, but somebody should look.</summary>
    Warn,

    /// <summary>Guests cannot be protected until it is mended.</summary>
    Fail,
}
