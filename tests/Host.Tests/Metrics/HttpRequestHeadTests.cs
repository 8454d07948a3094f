// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using Hikae.Host.Metrics;
using Xunit;

namespace Hikae.Host.Tests.Metrics;

public sealed class HttpRequestHeadTests
{
    private const string Request = "GET /metrics?a=b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n";

    [Fact]
    public void Method_and_path_are_read_and_the_query_is_not_the_path()
    {
        Assert.True(HttpRequestHead.TryRead(Bytes(Request + "body"), out HttpRequestHead head));

        Assert.Equal(new HttpRequestHead("GET", "/metrics"), head);
    }

    [Fact]
    public void A_head_cut_at_any_byte_is_not_whole_yet() =>
        Assert.All(Enumerable.Range(0, Request.Length), length => Assert.False(HttpRequestHead.TryRead(Bytes(Request[..length]), out _)));

    [Theory]
    [InlineData("GET /metrics\r\n\r\n", "400")]
    [InlineData("\r\n\r\n", "400")]
    [InlineData("GET  /metrics HTTP/1.1\r\n\r\n", "400")]
    [InlineData("GET /metrics HTTP/1.1 x\r\n\r\n", "400")]
    [InlineData("GET /m\tetrics HTTP/1.1\r\n\r\n", "400")]
    [InlineData("GET /mé HTTP/1.1\r\n\r\n", "400")]
    [InlineData("GET /metrics HTTP/2.0\r\n\r\n", "505")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505")]
    [InlineData("GET /metrics FTP/1.1\r\n\r\n", "505")]
    public void A_line_that_is_no_request_is_refused_at_once(string text, string status) => AssertRefused(status, text);

    [Fact]
    public void A_line_may_reach_its_limit_and_not_pass_it()
    {
        string line = "GET /" + new string('a', HttpRequestHead.MaxLineBytes - "GET / HTTP/1.1".Length) + " HTTP/1.1";

        Assert.True(HttpRequestHead.TryRead(Bytes(line + "\r\n\r\n"), out _));
        AssertRefused("414", line.Replace("/a", "/aa", StringComparison.Ordinal) + "\r\n\r\n");
        AssertRefused("414", new string('a', HttpRequestHead.MaxLineBytes + 2));
    }

    [Fact]
    public void A_head_may_reach_its_limit_and_not_pass_it()
    {
        const string Start = "GET / HTTP/1.1\r\nX: ";
        string head = Start + new string('a', HttpRequestHead.MaxBytes - Start.Length - 4) + "\r\n\r\n";

        Assert.True(HttpRequestHead.TryRead(Bytes(head), out _));
        AssertRefused("431", head.Replace(": a", ": aa", StringComparison.Ordinal));
        AssertRefused("431", Start + new string('a', HttpRequestHead.MaxBytes - Start.Length));
    }

    [Fact]
    public void Noise_is_read_refused_or_not_whole_and_never_a_crash()
    {
        var random = new Random(5);
        for (int i = 0; i < 5000; i++)
        {
            byte[] bytes = Bytes(Request);
            random.NextBytes(bytes.AsSpan(random.Next(bytes.Length), 1));
            random.NextBytes(bytes.AsSpan(random.Next(bytes.Length)));
            try
            {
                HttpRequestHead.TryRead(bytes, out _);
            }
            catch (HttpRefusedException)
            {
                // One of the three answers.
            }
        }
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static void AssertRefused(string status, string text) => Assert.StartsWith(
        status, Assert.Throws<HttpRefusedException>(() => HttpRequestHead.TryRead(Bytes(text), out _)).Message, StringComparison.Ordinal);
}
