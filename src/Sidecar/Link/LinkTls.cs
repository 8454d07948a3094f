// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Hikae.Protocol.Configuration;

namespace Hikae.Sidecar.Link;

/// <summary>Puts TLS 1.3 with certificates on both sides over a replication connection, or nothing when the configuration says so in so many words.</summary>
/// <remarks>
/// Trust is libvirt's: whoever holds a certificate of the hosts' own authority may speak; the primary also checks that the backup's
/// certificate carries the name it called. Public authorities of the system are not asked.
/// </remarks>
internal sealed class LinkTls
{
    private readonly LinkConfiguration _configuration;

    public LinkTls(LinkConfiguration configuration) => _configuration = configuration;

    /// <summary>The primary's side. Throws <see cref="PeerLostException"/> with the reason when either side does not trust the other.</summary>
    public Stream AuthenticateAsClient(Stream stream, string peerName)
    {
        if (!IsRequired)
        {
            return stream;
        }
        var tls = new SslStream(stream);
        using X509Certificate2 certificate = Load(_configuration.ClientCertificateFile, _configuration.ClientKeyFile);
        return Authenticate(tls, peerName, () => tls.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = peerName,
            EnabledSslProtocols = SslProtocols.Tls13,
            ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            CertificateChainPolicy = TrustOnly(_configuration.CaFile),
        }));
    }

    /// <summary>The backup's side. Throws as <see cref="AuthenticateAsClient"/>.</summary>
    public Stream AuthenticateAsServer(Stream stream, string peerName)
    {
        if (!IsRequired)
        {
            return stream;
        }
        var tls = new SslStream(stream);
        using X509Certificate2 certificate = Load(_configuration.CertificateFile, _configuration.KeyFile);
        return Authenticate(tls, peerName, () => tls.AuthenticateAsServer(new SslServerAuthenticationOptions
        {
            ClientCertificateRequired = true,
            EnabledSslProtocols = SslProtocols.Tls13,
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            CertificateChainPolicy = TrustOnly(_configuration.CaFile),
        }));
    }

    private bool IsRequired => _configuration.Tls == LinkSecurity.Required;

    private static SslStream Authenticate(SslStream tls, string peerName, Action handshake)
    {
        try
        {
            handshake();
            return tls;
        }
        catch (Exception error) when (error is AuthenticationException or IOException or ObjectDisposedException)
        {
            tls.Dispose();
            throw new PeerLostException($"No trust between this host and {peerName}: {error.InnerException?.Message ?? error.Message}", error);
        }
    }

    private static X509Certificate2 Load(string certificatePath, string keyPath)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new NotProtectableException($"the certificate {certificatePath} with key {keyPath} cannot be read: {error.Message}");
        }
    }

    private static X509ChainPolicy TrustOnly(string authorityPath)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            VerificationFlags = X509VerificationFlags.NoFlag,
        };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(authorityPath);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new NotProtectableException($"the certificate authority {authorityPath} cannot be read: {error.Message}");
        }
        return policy;
    }
}
