// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>Something that ends with its connection.</summary>
internal interface IConnectionListener : IDisposable
{
    /// <summary>Called on libvirt's thread when libvirtd is gone: must not wait and not call libvirt.</summary>
    void ConnectionClosed();
}
