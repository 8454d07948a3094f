// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Hikae.Protocol.Ownership.Etcd;

/// <summary>The two requests of etcd's JSON gateway that an arbiter needs. Keys and values are base64, 64-bit numbers are strings.</summary>
internal static class EtcdMessages
{
    internal const string RangePath = "/v3/kv/range";
    internal const string TxnPath = "/v3/kv/txn";

    internal static byte[] Range(string key) => Write(json => WriteKey(json, key));

    /// <summary>Puts <paramref name="text"/> if the key still is as found, else reads the key.</summary>
    internal static byte[] PutIfUnchanged(string key, EtcdValue? found, string text) => Write(json =>
    {
        json.WriteStartArray("compare");
        json.WriteStartObject();
        WriteKey(json, key);
        json.WriteString("result", "EQUAL");
        json.WriteString("target", found is null ? "CREATE" : "MOD");
        json.WriteString(found is null ? "create_revision" : "mod_revision", (found?.ModRevision ?? 0).ToString(CultureInfo.InvariantCulture));
        json.WriteEndObject();
        json.WriteEndArray();

        json.WriteStartArray("success");
        json.WriteStartObject();
        json.WriteStartObject("request_put");
        WriteKey(json, key);
        json.WriteBase64String("value", Encoding.UTF8.GetBytes(text));
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();

        json.WriteStartArray("failure");
        json.WriteStartObject();
        json.WriteStartObject("request_range");
        WriteKey(json, key);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    });

    internal static EtcdValue? ReadRange(byte[] answer)
    {
        using JsonDocument json = JsonDocument.Parse(answer);
        return Value(json.RootElement);
    }

    /// <summary>True: it was put. False: the key had changed, to <paramref name="newest"/>.</summary>
    internal static bool ReadTxn(byte[] answer, out EtcdValue? newest)
    {
        using JsonDocument json = JsonDocument.Parse(answer);
        newest = null;
        if (json.RootElement.TryGetProperty("succeeded", out JsonElement succeeded) && succeeded.GetBoolean())
        {
            return true;
        }
        newest = Value(json.RootElement.GetProperty("responses")[0].GetProperty("response_range"));
        return false;
    }

    /// <summary>What the gateway says of itself in an answer that is not 200.</summary>
    internal static string? Problem(byte[] answer)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(answer);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("error", out JsonElement error) && error.ValueKind == JsonValueKind.String
                ? error.GetString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static EtcdValue? Value(JsonElement range)
    {
        // A header is in each answer of etcd's; something else that answers 200 must not look like an empty cluster.
        if (!range.TryGetProperty("header", out _))
        {
            throw new JsonException("the answer has no header");
        }
        if (!range.TryGetProperty("kvs", out JsonElement values) || values.GetArrayLength() == 0)
        {
            return null;
        }
        JsonElement value = values[0];
        string text = value.TryGetProperty("value", out JsonElement base64) ? Encoding.UTF8.GetString(base64.GetBytesFromBase64()) : "";
        return new EtcdValue(text, long.Parse(value.GetProperty("mod_revision").GetString()!, NumberStyles.None, CultureInfo.InvariantCulture));
    }

    private static void WriteKey(Utf8JsonWriter json, string key) => json.WriteBase64String("key", Encoding.UTF8.GetBytes(key));

    private static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            body(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
