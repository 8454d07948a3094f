// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Control;

/// <summary>What happens to the guest's packets.</summary>
[JsonConverter(typeof(WireName<OutputHold>))]
public enum OutputHold
{
    /// <summary>The guest has no network interface, or this host does not run it.</summary>
    None = 1,

    /// <summary>Packets wait until their epoch is committed.</summary>
    Held,

    /// <summary>Packets leave at once: by the annotation's wish, or because the guest is not protected now.</summary>
    Unheld,
}
