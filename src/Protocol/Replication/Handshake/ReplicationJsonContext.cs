// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Replication;

/// <summary>Serialisers of the JSON records, generated at build time: native AOT has no reflection to fall back on.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    MaxDepth = 8)]
[JsonSerializable(typeof(Hello))]
[JsonSerializable(typeof(Welcome))]
[JsonSerializable(typeof(Refuse))]
[JsonSerializable(typeof(Bye))]
[JsonSerializable(typeof(DryStartResult))]
[JsonSerializable(typeof(Recovered))]
[JsonSerializable(typeof(DiskList))]
internal sealed partial class ReplicationJsonContext : JsonSerializerContext;
