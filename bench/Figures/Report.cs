// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hikae.Bench.Figures;

/// <summary>What one benchmark found, in the order in which it is shown.</summary>
/// <param name="Benchmark">Its name on the command line.</param>
internal sealed record Report(string Benchmark)
{
    private readonly List<Figure> _figures = [];
    private readonly List<(string Name, IReadOnlyList<Figure> Row)> _rows = [];
    private readonly List<(string Name, string Text)> _notes = [];
    private readonly HashSet<string> _names = ["benchmark"];

    /// <summary>The numbers.</summary>
    public IReadOnlyList<Figure> Figures => _figures;

    /// <summary>Rows of lists: the same figures several times, one row for each value of the first.</summary>
    public ILookup<string, IReadOnlyList<Figure>> Lists => _rows.ToLookup(row => row.Name, row => row.Row);

    /// <summary>What a reader must know of the numbers: how, with what, under which load.</summary>
    public IReadOnlyList<(string Name, string Text)> Notes => _notes;

    public void Add(Figure figure)
    {
        Claim(figure.Name);
        _figures.Add(figure);
    }

    public void Add(string name, double value, string? target = null) => Add(new Figure(name, value) { Target = target });

    public void AddRow(string list, params IReadOnlyList<Figure> row)
    {
        if (!_rows.Exists(other => other.Name == list))
        {
            Claim(list);
        }
        _rows.Add((list, row));
    }

    public void Note(string name, string text)
    {
        Claim(name);
        _notes.Add((name, text));
    }

    /// <summary>One object: each figure by its name, a median with its spread as an object of its own; then the notes.</summary>
    public string ToJson()
    {
        var json = new JsonObject { ["benchmark"] = Benchmark };
        foreach (Figure figure in _figures)
        {
            json[figure.Name] = ToNode(figure);
        }
        foreach (IGrouping<string, IReadOnlyList<Figure>> list in Lists)
        {
            json[list.Key] = new JsonArray([.. list.Select(row => new JsonObject(row.Select(figure => KeyValuePair.Create(figure.Name, (JsonNode?)ToNode(figure)))))]);
        }
        foreach ((string name, string text) in _notes)
        {
            json[name] = text;
        }
        return json.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    // In the JSON object the later of two would take the other's place.
    private void Claim(string name)
    {
        if (!_names.Add(name))
        {
            throw new ArgumentException($"The report of {Benchmark} has a \"{name}\" already.", nameof(name));
        }
    }

    private static JsonNode ToNode(Figure figure) => figure.Text is { } text ? JsonValue.Create(text)! : figure.Spread is { } spread
        ? new JsonObject { ["median"] = Round(figure.Value), ["min"] = Round(spread.Min), ["max"] = Round(spread.Max) }
        : Round(figure.Value);

    // A byte count is whole; of everything else the third digit after the point is noise.
    private static JsonNode Round(double value) => Math.Abs(value) >= 1000 ? (long)Math.Round(value) : Math.Round(value, 3);
}
