// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Control;

/// <summary>What a host is to one guest.</summary>
[JsonConverter(typeof(WireName<GuestRole>))]
public enum GuestRole
{
    /// <summary>The guest runs here.</summary>
    Primary = 1,

    /// <summary>The guest's checkpoints are kept here.</summary>
    Backup,
}
