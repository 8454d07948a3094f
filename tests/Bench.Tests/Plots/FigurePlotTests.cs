// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Plots;
using SkiaSharp;
using Xunit;

namespace Hikae.Bench.Tests.Plots;

public sealed class FigurePlotTests : IDisposable
{
    private const string PaperMemory = """
        {"benchmark": "paper-memory", "fill_levels": [
            {"cache_percent": 10, "hikae_bytes": 120000000, "soft_off_bytes": 500000000, "colo_bytes": 4500000000},
            {"cache_percent": 90, "hikae_bytes": 130000000, "soft_off_bytes": 2500000000, "colo_bytes": 8500000000}]}
        """;

    private const string PaperOverhead = """
        {"benchmark": "paper-overhead", "loads": [
            {"load": "postmark", "bare_seconds": {"median": 60, "min": 59, "max": 61}, "protected_seconds": 66.5, "slowdown_percent": 10.8, "paper_slowdown_percent": 33.3, "saved_bytes": 3416000000, "saved_on_disk_bytes": 1200000000, "paper_saved_bytes": 1400000000},
            {"load": "gzip", "bare_seconds": 200, "protected_seconds": 210, "slowdown_percent": 5, "paper_slowdown_percent": 10.2, "saved_bytes": 3100000000, "saved_on_disk_bytes": 2100000000, "paper_saved_bytes": 1242000000}]}
        """;

    private const string Consolidation = """
        {"benchmark": "consolidation", "guests": 24, "guest_bytes_total": 25769803776, "backup_bytes_total": {"median": 1000000000, "min": 999000000, "max": 1001000000}, "replica_bytes_total": 700000000}
        """;

    private const string Warm = """
        {"benchmark": "warm", "running_ms": {"median": 800, "min": 700, "max": 900}, "first_answer_ms": 900, "warm_ms_prefetch": 2000, "warm_ms_no_prefetch": 60000}
        """;

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"hikae-plot-{Guid.NewGuid()}.png");

    public static TheoryData<string, string, int> Pictures => new()
    {
        { "paper-memory", PaperMemory, 2 }, { "paper-overhead", PaperOverhead, 3 }, { "consolidation", Consolidation, 1 }, { "warm", Warm, 1 },
    };

    public static TheoryData<string, string, string> Wrong => new()
    {
        { "paper-memory", "hello", "no JSON" },
        { "paper-memory", "[]", "the report is not an object" },
        { "paper-memory", "{}", "the report: \"benchmark\" is missing" },
        { "paper-memory", Warm, "the figures are of \"warm\", not of \"paper-memory\"" },
        { "paper-memory", PaperMemory.Replace("fill_levels", "levels", StringComparison.Ordinal), "the report: \"fill_levels\" is missing" },
        { "paper-memory", PaperMemory.Replace("_off_bytes\": 500000000", "_off_bytes\": \"much\"", StringComparison.Ordinal), "fill_levels[0]: \"soft_off_bytes\" is not a number" },
        { "paper-overhead", PaperOverhead.Replace("\"gzip\"", "7", StringComparison.Ordinal), "loads[1]: \"load\" is not a text" },
        { "paper-overhead", """{"benchmark": "paper-overhead", "loads": []}""", "the report: \"loads\" is not a list with rows" },
        { "consolidation", Consolidation.Replace("median", "middle", StringComparison.Ordinal), "the report: \"backup_bytes_total\" is not a number" },
        { "warm", Warm.Replace("warm_ms_prefetch", "warm", StringComparison.Ordinal), "the report: \"warm_ms_prefetch\" is missing" },
    };

    public void Dispose() => File.Delete(_file);

    [Theory]
    [MemberData(nameof(Pictures))]
    public void A_picture_is_a_PNG_of_its_panels_with_figures_on_each(string benchmark, string json, int panels)
    {
        FigurePlot.Of[benchmark].Save(SavedFigures.Parse(json, benchmark), _file);

        Assert.Equal<byte>([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(_file)[..4]);
        using SKBitmap picture = SKBitmap.Decode(_file);
        Assert.Equal((panels * FigurePlot.PanelWidth, FigurePlot.Height), (picture.Width, picture.Height));
        Assert.All(Enumerable.Range(0, panels).Select(panel => panel * FigurePlot.PanelWidth), left =>
        {
            // Each panel is in its place; and beside the legend, which is on the left, there are figures.
            Assert.InRange(ColouredPixels(picture, left, left + (FigurePlot.PanelWidth / 3)), 100, int.MaxValue);
            Assert.InRange(ColouredPixels(picture, left + (FigurePlot.PanelWidth / 2), left + FigurePlot.PanelWidth), 100, int.MaxValue);
        });
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Wrong_figures_are_refused_by_name_and_nothing_is_written(string benchmark, string json, string message)
    {
        var error = Assert.Throws<InvalidDataException>(() => FigurePlot.Of[benchmark].Save(SavedFigures.Parse(json, benchmark), _file));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(_file));
    }

    // Frame, grid and words are grey: what has a colour is a figure.
    private static int ColouredPixels(SKBitmap picture, int left, int right) => Enumerable.Range(left, right - left)
        .SelectMany(x => Enumerable.Range(0, picture.Height).Select(y => picture.GetPixel(x, y)))
        .Count(pixel => Math.Max(pixel.Red, Math.Max(pixel.Green, pixel.Blue)) - Math.Min(pixel.Red, Math.Min(pixel.Green, pixel.Blue)) > 50);
}
