// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;

namespace Hikae.Hooks.Tests;

/// <summary>Domain XML as libvirt writes it to a hook.</summary>
internal static class Domain
{
    internal const string Uuid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    internal const string Protect = "<hikae:protect xmlns:hikae=\"urn:hikae:domain:1\" backup=\"hostB\"/>";
    internal const string Malformed = "<hikae:protect xmlns:hikae=\"urn:hikae:domain:1\" bakcup=\"hostB\"/>";
    internal const string Incoming = "<hikae:incoming xmlns:hikae=\"urn:hikae:incoming:1\"/>";

    internal static byte[] Xml(string metadata = "", string uuid = Uuid) => Encoding.UTF8.GetBytes(
        $"<domain type='qemu' id='1'>\n  <name>web</name>\n  <uuid>{uuid}</uuid>\n  <metadata>\n    {metadata}\n  </metadata>\n</domain>\n");
}
