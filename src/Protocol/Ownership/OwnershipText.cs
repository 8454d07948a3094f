// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Ownership;

/// <summary>A record as one line of text: <c>hikae1 CHECKSUM JSON</c>, the checksum being XxHash3 of the JSON's UTF-8 in hexadecimal.</summary>
public static class OwnershipText
{
    /// <summary>Bytes of a line at most. XFS keeps no longer symbolic link than 1024 bytes.</summary>
    public const int MaxBytes = 1023;

    /// <summary>Characters of a host's name at most, as in DNS.</summary>
    public const int MaxHostLength = 253;

    private const string Prefix = "hikae1 ";
    private const int ChecksumLength = 16;

    /// <summary>The record as text.</summary>
    /// <exception cref="ArgumentException">A name is empty or longer than <see cref="MaxHostLength"/>, or a number is out of range.</exception>
    public static string Write(OwnershipRecord record)
    {
        if (Fault(record) is string fault)
        {
            throw new ArgumentException(fault, nameof(record));
        }
        string json = JsonSerializer.Serialize(record, OwnershipJsonContext.Default.OwnershipRecord);
        string text = $"{Prefix}{Checksum(json)} {json}";
        if (Encoding.UTF8.GetByteCount(text) > MaxBytes)
        {
            throw new ArgumentException($"The record takes more than {MaxBytes} bytes; use shorter host names.", nameof(record));
        }
        return text;
    }

    /// <summary>False when the text is not a whole record; <paramref name="reason"/> then says why.</summary>
    public static bool TryRead(string text, out OwnershipRecord record, out string? reason)
    {
        record = null!;
        int jsonStart = Prefix.Length + ChecksumLength + 1;
        if (text.Length <= jsonStart || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[jsonStart - 1] != ' ')
        {
            reason = "it is not a Hikae ownership record of version 1";
            return false;
        }
        string json = text[jsonStart..];
        if (!text.AsSpan(Prefix.Length, ChecksumLength).SequenceEqual(Checksum(json)))
        {
            reason = "its checksum is wrong";
            return false;
        }
        try
        {
            OwnershipRecord? read = JsonSerializer.Deserialize(json, OwnershipJsonContext.Default.OwnershipRecord);
            reason = read is null ? "it is null" : Fault(read);
            record = read!;
            return reason is null;
        }
        catch (JsonException error)
        {
            reason = error.Message;
            return false;
        }
    }

    private static string? Fault(OwnershipRecord record) => record switch
    {
        { Generation: < 1 } => $"generation {record.Generation} is below 1",
        { LeaseMs: < 1 } => $"a lease of {record.LeaseMs} ms is below 1",
        _ when !IsHost(record.Owner) => "the owner's name is empty or too long",
        _ when record.ProtectedBy is not null && !IsHost(record.ProtectedBy) => "the backup's name is empty or too long",
        _ => null,
    };

    private static bool IsHost(string name) => name.Length is > 0 and <= MaxHostLength;

    private static string Checksum(string json) =>
        XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(json)).ToString("x16", CultureInfo.InvariantCulture);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 4)]
[JsonSerializable(typeof(OwnershipRecord))]
internal sealed partial class OwnershipJsonContext : JsonSerializerContext;
