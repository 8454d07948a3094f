// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Hikae.Harness;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership.Etcd;

public sealed class EtcdTlsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hikae-etcd-pki-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Both_ends_show_a_certificate_and_neither_trusts_a_stranger()
    {
        EtcdServer.Require();
        MakeAuthority("ca");
        MakeAuthority("stranger");
        using var server = new EtcdServer(
            "--cert-file", PathOf("ca-leaf.pem"), "--key-file", PathOf("ca-leaf.key"), "--trusted-ca-file", PathOf("ca.pem"), "--client-cert-auth");

        ArbiterConfiguration good = Configuration(server, "ca", "ca-leaf");
        var guest = Guid.NewGuid();
        Assert.True(ArbiterFactory.Open(good, null)!.TryClaim(new OwnershipRecord(guest, 1, "hostA", null, 5000), out _));
        Assert.Equal("hostA", ArbiterFactory.Open(good, null)!.Read(guest)!.Owner);
        Assert.Throws<ArbiterUnavailableException>(() => ArbiterFactory.Open(Configuration(server, "stranger", "ca-leaf"), null)!.Read(guest));
        Assert.Throws<ArbiterUnavailableException>(() => ArbiterFactory.Open(Configuration(server, "ca", "stranger-leaf"), null)!.Read(guest));
        Assert.Throws<ArbiterUnavailableException>(() => ArbiterFactory.Open(good with { CertificateFile = null, KeyFile = null }, null)!.Read(guest));
    }

    [Fact]
    public void Certificates_that_cannot_be_read_are_no_answer_until_they_are_mended()
    {
        IArbiter arbiter = ArbiterFactory.Open(
            new ArbiterConfiguration { Kind = ArbiterKind.Etcd, Endpoints = [new Uri("https://127.0.0.1:1")], CaFile = PathOf("none.pem") }, null)!;

        string message = Assert.Throws<ArbiterUnavailableException>(() => arbiter.Read(Guid.NewGuid())).Message;

        Assert.Contains("none.pem", message, StringComparison.Ordinal);
    }

    private ArbiterConfiguration Configuration(EtcdServer server, string authority, string leaf) => new()
    {
        Kind = ArbiterKind.Etcd,
        Endpoints = [server.Endpoint],
        CaFile = PathOf($"{authority}.pem"),
        CertificateFile = PathOf($"{leaf}.pem"),
        KeyFile = PathOf($"{leaf}.key"),
        Lease = TimeSpan.FromSeconds(60),
    };

    private string PathOf(string file) => Path.Combine(_folder.FullName, file);

    private void MakeAuthority(string name)
    {
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(9));
        File.WriteAllText(PathOf($"{name}.pem"), authority.ExportCertificatePem());

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var leaf = new CertificateRequest("CN=etcd", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        leaf.CertificateExtensions.Add(names.Build());
        leaf.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        using X509Certificate2 signed = leaf.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(8), [1, 2, 3, 4]);
        File.WriteAllText(PathOf($"{name}-leaf.pem"), signed.ExportCertificatePem());
        File.WriteAllText(PathOf($"{name}-leaf.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
