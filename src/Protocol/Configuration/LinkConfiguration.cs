// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [link]: how hosts reach and trust each other.</summary>
public sealed record LinkConfiguration
{
    /// <summary>The port a peer without one in its address is expected on.</summary>
    public const int DefaultPort = 16520;

    /// <summary>TCP port hikaed listens on, and the one peers are connected to.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>The local address hikaed listens on; "::" is every address of both families.</summary>
    public string Listen { get; init; } = "::";

    /// <summary>Whether links are encrypted.</summary>
    public LinkSecurity Tls { get; init; } = LinkSecurity.Required;

    /// <summary>PEM file of the authority whose certificates are trusted. The default paths are those of libvirt's own TLS set-up.</summary>
    public string CaFile { get; init; } = "/etc/pki/CA/cacert.pem";

    /// <summary>PEM file of the certificate shown to a peer that connects to us.</summary>
    public string CertificateFile { get; init; } = "/etc/pki/libvirt/servercert.pem";

    /// <summary>PEM file of the private key of <see cref="CertificateFile"/>.</summary>
    public string KeyFile { get; init; } = "/etc/pki/libvirt/private/serverkey.pem";

    /// <summary>PEM file of the certificate shown to a peer we connect to.</summary>
    public string ClientCertificateFile { get; init; } = "/etc/pki/libvirt/clientcert.pem";

    /// <summary>PEM file of the private key of <see cref="ClientCertificateFile"/>.</summary>
    public string ClientKeyFile { get; init; } = "/etc/pki/libvirt/private/clientkey.pem";

    /// <summary>A link silent this long is lost.</summary>
    public TimeSpan DetectAfter { get; init; } = TimeSpan.FromMilliseconds(500);
}
