// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [arbiter]: who decides which host may run a guest.</summary>
public sealed record ArbiterConfiguration
{
    /// <summary>What is said of every guest while there is no arbiter.</summary>
    public const string NoDirectoryReason = "no arbiter directory configured";

    /// <summary>Which kind of arbiter it is.</summary>
    public ArbiterKind Kind { get; init; }

    /// <summary>A directory on storage that all hosts share; null: none, and then no guest is protected, unless an etcd is named.</summary>
    public string? Directory { get; init; }

    /// <summary>The members of an etcd cluster.</summary>
    public IReadOnlyList<Uri> Endpoints { get; init; } = [];

    /// <summary>What all our keys in etcd begin with.</summary>
    public string Prefix { get; init; } = "/hikae/";

    /// <summary>PEM file of the authority that etcd's certificates are trusted by; null: those of the system.</summary>
    public string? CaFile { get; init; }

    /// <summary>PEM file of the certificate shown to etcd; null: none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of the private key of <see cref="CertificateFile"/>.</summary>
    public string? KeyFile { get; init; }

    /// <summary>How long a claim lasts without being renewed.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromMilliseconds(5000);

    /// <summary>False: no guest is protected.</summary>
    public bool IsConfigured => Kind is ArbiterKind.Etcd || Directory is not null;
}
