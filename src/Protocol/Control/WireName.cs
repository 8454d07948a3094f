// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Control;

/// <summary>An enum on the wire is its member's name in lower case; never a number, because numbers change when members are added.</summary>
public sealed class WireName<TEnum>() : JsonStringEnumConverter<TEnum>(JsonNamingPolicy.CamelCase, allowIntegerValues: false)
    where TEnum : struct, Enum;
