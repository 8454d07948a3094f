// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Hikae.Protocol.Replication;

/// <summary>The records that are JSON: rare, small, and extended over the years, so readers ignore members they do not know.</summary>
public static class ReplicationJson
{
    /// <summary>Encodes one of the JSON records: <see cref="Hello"/>, <see cref="Welcome"/>, <see cref="Refuse"/>, <see cref="Bye"/>, <see cref="DryStartResult"/>.</summary>
    /// <remarks>Throws <see cref="ArgumentException"/> when the text is longer than a peer accepts.</remarks>
    public static byte[] Write<T>(T value)
        where T : class
    {
        byte[] payload = JsonSerializer.SerializeToUtf8Bytes(value, TypeInfo<T>());
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payload.Length, ReplicationLimits.MaxJsonBytes, nameof(value));
        return payload;
    }

    /// <summary>
    /// Decodes one. Throws <see cref="ReplicationProtocolException"/> on anything that is not it: cut or other text, a member that is
    /// missing, null, given twice or out of its range.
    /// </summary>
    public static T Read<T>(ReadOnlySpan<byte> payload)
        where T : class
    {
        if (payload.Length > ReplicationLimits.MaxJsonBytes)
        {
            throw new ReplicationProtocolException($"{typeof(T).Name} record of {payload.Length} bytes, the limit is {ReplicationLimits.MaxJsonBytes}.");
        }
        try
        {
            T value = JsonSerializer.Deserialize(payload, TypeInfo<T>())
                ?? throw new ReplicationProtocolException($"{typeof(T).Name} record is null.");
            return (value as IJsonRecord)?.FindFault() is { } fault
                ? throw new ReplicationProtocolException($"{typeof(T).Name} record has {fault}.")
                : value;
        }
        catch (JsonException error)
        {
            throw new ReplicationProtocolException($"{typeof(T).Name} record is not understood: {error.Message}");
        }
    }

    private static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)ReplicationJsonContext.Default.GetTypeInfo(typeof(T))!;
}
