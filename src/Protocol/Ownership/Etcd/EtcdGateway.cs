// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Hikae.Protocol.Ownership.Etcd;

/// <summary>An etcd cluster by its JSON gateway: several members, one of which answers in time, or nobody does.</summary>
/// <remarks>
/// Members are asked in turn, the one that answered last first, each for its share of the limit. A request that is repeated at the next member may be
/// carried out twice: reading is harmless, and a put is conditional.
/// </remarks>
public sealed class EtcdGateway : IDisposable
{
    // Three records, and what etcd says around them; a peer that sends more is not etcd.
    private const int MaxAnswerBytes = 64 << 10;

    private static readonly TimeSpan ShortestAttempt = TimeSpan.FromMilliseconds(100);

    private readonly Lazy<HttpClient> _client;
    private readonly Uri[] _endpoints;
    private readonly TimeSpan _attempt;
    private volatile int _preferred;

    /// <param name="endpoints">The members, <c>http://HOST:PORT</c> or <c>https://HOST:PORT</c>.</param>
    /// <param name="limit">For one request, all members together. Must be well below the lease.</param>
    /// <param name="tls">
    /// For https: made at the first request, and again if that fails, as files may be mended while the program runs. Null = the system's
    /// authorities, no client certificate.
    /// </param>
    public EtcdGateway(IReadOnlyList<Uri> endpoints, TimeSpan limit, Func<SslClientAuthenticationOptions>? tls = null)
    {
        _endpoints = [.. endpoints];
        TimeSpan share = limit / _endpoints.Length;
        _attempt = share > ShortestAttempt ? share : ShortestAttempt;
        _client = new Lazy<HttpClient>(() => NewClient(tls?.Invoke()), LazyThreadSafetyMode.PublicationOnly);
    }

    /// <summary>TLS by files as hikae.conf names them.</summary>
    /// <exception cref="ArbiterUnavailableException">A file cannot be read.</exception>
    public static SslClientAuthenticationOptions Tls(string? authorityFile, string? certificateFile, string? keyFile)
    {
        var options = new SslClientAuthenticationOptions();
        try
        {
            if (authorityFile is not null)
            {
                var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
                policy.CustomTrustStore.ImportFromPemFile(authorityFile);
                options.CertificateChainPolicy = policy;
            }
            if (certificateFile is not null)
            {
                options.ClientCertificateContext = SslStreamCertificateContext.Create(
                    X509Certificate2.CreateFromPemFile(certificateFile, keyFile), null, offline: true);
            }
            return options;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new ArbiterUnavailableException($"The certificates for etcd cannot be used: {error.Message}", error);
        }
    }

    /// <summary>What the key holds; null: nothing.</summary>
    public EtcdValue? Read(string key) => Ask(EtcdMessages.RangePath, EtcdMessages.Range(key), EtcdMessages.ReadRange);

    /// <summary>Puts the text if the key still is as <paramref name="found"/>. False: it is <paramref name="newest"/> now.</summary>
    public bool TryPut(string key, EtcdValue? found, string text, out EtcdValue? newest)
    {
        (bool put, newest) = Ask(
            EtcdMessages.TxnPath,
            EtcdMessages.PutIfUnchanged(key, found, text),
            answer => (EtcdMessages.ReadTxn(answer, out EtcdValue? now), now));
        return put;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_client.IsValueCreated)
        {
            _client.Value.Dispose();
        }
    }

    private HttpClient NewClient(SslClientAuthenticationOptions? tls)
    {
        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = _attempt };
        if (tls is not null)
        {
            handler.SslOptions = tls;
        }
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MaxAnswerBytes };
    }

    private T Ask<T>(string path, byte[] request, Func<byte[], T> read)
    {
        string problem = "";
        int first = _preferred;
        for (int i = 0; i < _endpoints.Length; i++)
        {
            int member = (first + i) % _endpoints.Length;
            try
            {
                T answer = read(PostAsync(new Uri(_endpoints[member], path), request).GetAwaiter().GetResult());
                _preferred = member;
                return answer;
            }
            catch (OperationCanceledException)
            {
                problem += $" {_endpoints[member].Authority}: no answer within {_attempt.TotalMilliseconds:0} ms.";
            }
            catch (HttpRequestException error)
            {
                problem += $" {_endpoints[member].Authority}: {error.InnerException?.Message ?? error.Message}.";
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or IndexOutOfRangeException)
            {
                problem += $" {_endpoints[member].Authority} does not speak as etcd does: {error.Message}.";
            }
        }
        throw new ArbiterUnavailableException($"etcd cannot be reached:{problem}");
    }

    private async Task<byte[]> PostAsync(Uri uri, byte[] body)
    {
        using var limit = new CancellationTokenSource(_attempt);
        using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage response = await _client.Value.SendAsync(request, limit.Token).ConfigureAwait(false);
        byte[] answer = await response.Content.ReadAsByteArrayAsync(limit.Token).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.OK
            ? answer
            : throw new HttpRequestException(response.StatusCode is HttpStatusCode.NotFound
                ? "it answers 404: is it etcd 3.4 or later?"
                : $"it answers {(int)response.StatusCode}, {EtcdMessages.Problem(answer) ?? "without a reason"}");
    }
}
