// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Tools.Doctor;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Tools.Tests.Doctor;

public sealed class CertificateCheckTests : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly TestHost _host = new();
    private readonly TestAuthority _authority = new();
    private readonly LinkConfiguration _link = new();
    private readonly FakeTimeProvider _clock = new(TestAuthority.Begin.AddDays(1));

    public CertificateCheckTests()
    {
        _host.Write(_link.CaFile, _authority.Pem);
        Install(_authority, _link.CertificateFile, _link.KeyFile, ServerUse);
        Install(_authority, _link.ClientCertificateFile, _link.ClientKeyFile, ClientUse);
    }

    public void Dispose()
    {
        _authority.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Certificates_of_the_authority_are_ok() => Assert.Equal("Ok Ok Ok", Verdicts());

    [Theory]
    [InlineData(334, "Ok Ok Ok")]
    [InlineData(336, "Ok Warn Warn")]
    [InlineData(366, "Ok Fail Fail")]
    public void An_end_is_announced_thirty_days_before(int day, string verdicts)
    {
        _clock.SetUtcNow(TestAuthority.Begin.AddDays(day));

        Assert.Equal(verdicts, Verdicts());
    }

    [Fact]
    public void A_certificate_of_another_authority_fails()
    {
        using var other = new TestAuthority();
        Install(other, _link.CertificateFile, _link.KeyFile, ServerUse);

        Assert.Equal("Ok Fail Ok", Verdicts());
    }

    [Fact]
    public void A_server_certificate_is_no_client_certificate()
    {
        Install(_authority, _link.ClientCertificateFile, _link.ClientKeyFile, ServerUse);

        Assert.Equal("Ok Ok Fail", Verdicts());
    }

    [Fact]
    public void A_key_of_another_certificate_fails()
    {
        _host.Write(_link.KeyFile, File.ReadAllText(_host.Root + _link.ClientKeyFile));

        Assert.Equal("Ok Fail Ok", Verdicts());
    }

    [Fact]
    public void Missing_files_fail()
    {
        _host.Delete(_link.ClientKeyFile);
        Assert.Equal("Ok Ok Fail", Verdicts());

        _host.Delete(_link.CaFile);
        Assert.Equal("Fail", Verdicts());
    }

    [Fact]
    public void TLS_switched_off_is_a_warning() =>
        Assert.Equal("Warn", Verdicts(_link with { Tls = LinkSecurity.PlaintextForTestsOnly }));

    private void Install(TestAuthority authority, string certificateFile, string keyFile, string use)
    {
        (string certificate, string key) = authority.Sign("hostA", use);
        _host.Write(certificateFile, certificate);
        _host.Write(keyFile, key);
    }

    private string Verdicts(LinkConfiguration? link = null) => string.Join(
        ' ', new CertificateCheck(new HostFiles(_host.Root), Distribution.Of(new HostFiles(_host.Root)), link ?? _link, _clock).Run().Select(finding => finding.Verdict));
}
