// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;

namespace Hikae.Bench.Plots;

/// <summary>Figures as "bench/run NAME --json" prints them: of a whole report, or of one row of a list in it.</summary>
/// <remarks>Whatever is not there or not of its kind is an <see cref="InvalidDataException"/> that names the figure.</remarks>
internal sealed class SavedFigures
{
    private readonly JsonElement _object;
    private readonly string _where;

    private SavedFigures(JsonElement element, string where)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{where} is not an object");
        }
        _object = element;
        _where = where;
    }

    /// <summary>Reads a report.</summary>
    /// <param name="json">One JSON object.</param>
    /// <param name="benchmark">What it must be the report of.</param>
    public static SavedFigures Parse(string json, string benchmark)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            var figures = new SavedFigures(document.RootElement.Clone(), "the report");
            string found = figures.Text("benchmark");
            return found == benchmark ? figures : throw new InvalidDataException($"the figures are of \"{found}\", not of \"{benchmark}\"");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"no JSON: {error.Message}", error);
        }
    }

    /// <summary>A number, or the median of one that has a spread.</summary>
    public double Number(string name)
    {
        JsonElement found = Find(name);
        if (found.ValueKind == JsonValueKind.Object && found.TryGetProperty("median", out JsonElement median))
        {
            found = median;
        }
        return found.ValueKind == JsonValueKind.Number ? found.GetDouble() : throw new InvalidDataException($"{_where}: \"{name}\" is not a number");
    }

    public string Text(string name) =>
        Find(name) is { ValueKind: JsonValueKind.String } found ? found.GetString()! : throw new InvalidDataException($"{_where}: \"{name}\" is not a text");

    /// <summary>The rows of a list, at least one.</summary>
    public SavedFigures[] Rows(string list) => Find(list) is { ValueKind: JsonValueKind.Array } found && found.GetArrayLength() > 0
        ? [.. found.EnumerateArray().Select((row, index) => new SavedFigures(row, $"{list}[{index}]"))]
        : throw new InvalidDataException($"{_where}: \"{list}\" is not a list with rows");

    private JsonElement Find(string name) =>
        _object.TryGetProperty(name, out JsonElement found) ? found : throw new InvalidDataException($"{_where}: \"{name}\" is missing");
}
