// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Hikae.Protocol.Replication;

/// <summary>The records that are JSON: rare, small, and extended over the years, so readers ignore members they do not know.</summary>
public static class ReplicationJson
{
    /// <summary>Encodes one of the JSON records.</summary>
    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, TypeInfo<T>());

    /// <summary>Decodes one. Throws <see cref="ReplicationProtocolException"/> on anything that is not it.</summary>
    public static T Read<T>(ReadOnlySpan<byte> payload)
        where T : class
    {
        if (payload.Length > ReplicationLimits.MaxJsonBytes)
        {
            throw new ReplicationProtocolException($"{typeof(T).Name} record of {payload.Length} bytes, the limit is {ReplicationLimits.MaxJsonBytes}.");
        }
        try
        {
            return JsonSerializer.Deserialize(payload, TypeInfo<T>())
                ?? throw new ReplicationProtocolException($"{typeof(T).Name} record is null.");
        }
        catch (JsonException error)
        {
            throw new ReplicationProtocolException($"{typeof(T).Name} record is not understood: {error.Message}");
        }
    }

    private static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)ReplicationJsonContext.Default.GetTypeInfo(typeof(T))!;
}
