// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Ownership.Etcd;

namespace Hikae.Protocol.Ownership;

/// <summary>The arbiter that hikae.conf names. hikaed, sidecars and the command line get theirs here.</summary>
public static class ArbiterFactory
{
    /// <summary>Null: none is configured, and then no guest is protected.</summary>
    /// <param name="configuration">Section [arbiter].</param>
    /// <param name="syncDirectory">As for <see cref="SharedDirectoryArbiter"/>.</param>
    public static IArbiter? Open(ArbiterConfiguration configuration, Action<string>? syncDirectory) => configuration switch
    {
        { Kind: ArbiterKind.Etcd } => new EtcdArbiter(
            new EtcdGateway(
                configuration.Endpoints,
                AnswerLimit(configuration.Lease),
                () => EtcdGateway.Tls(configuration.CaFile, configuration.CertificateFile, configuration.KeyFile)),
            configuration.Prefix),
        { Directory: string directory } => new BoundedArbiter(new SharedDirectoryArbiter(directory, syncDirectory), AnswerLimit(configuration.Lease)),
        _ => null,
    };

    /// <summary>For one request: a claim takes two, and a lease must see at least three readings.</summary>
    public static TimeSpan AnswerLimit(TimeSpan lease) => lease / 6;
}
