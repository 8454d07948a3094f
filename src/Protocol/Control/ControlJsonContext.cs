// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Control;

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowOutOfOrderMetadataProperties = true,
    MaxDepth = 8)]
[JsonSerializable(typeof(ControlMessage))]
[JsonSerializable(typeof(GuestStatus))]
[JsonSerializable(typeof(IReadOnlyList<GuestStatus>))]
internal sealed partial class ControlJsonContext : JsonSerializerContext;
