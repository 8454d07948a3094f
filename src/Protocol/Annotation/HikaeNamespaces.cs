// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Annotation;

/// <summary>The URIs of our elements under a domain's metadata. libvirt keeps one element for each URI.</summary>
public static class HikaeNamespaces
{
    /// <summary>The user's wish: the protect element.</summary>
    public const string Domain = "urn:hikae:domain:1";

    /// <summary>Marks a domain that the backup side creates: hook and daemon leave it alone.</summary>
    public const string Incoming = "urn:hikae:incoming:1";

    /// <summary>Our report. A URI of its own, so that wish and report never overwrite each other.</summary>
    public const string Status = "urn:hikae:status:1";

    /// <summary>The prefix our elements carry in a domain's XML.</summary>
    public const string Prefix = "hikae";
}
