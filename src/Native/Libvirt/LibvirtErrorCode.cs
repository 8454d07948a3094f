// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>The error codes this project decides by, spelled as in libvirt's virterror.h.</summary>
public static class LibvirtErrorCode
{
    /// <summary>No error is recorded, or another thread's Dispose cleared it in between.</summary>
    public const int VIR_ERR_OK = 0;

    /// <summary>libvirt's code for what has no other, among it "client socket is closed": libvirtd is gone, ask <see cref="Connection.IsAlive"/>.</summary>
    public const int VIR_ERR_INTERNAL_ERROR = 1;

    /// <summary>The driver has no such function.</summary>
    public const int VIR_ERR_NO_SUPPORT = 3;

    /// <summary>No hypervisor at that address.</summary>
    public const int VIR_ERR_NO_CONNECT = 5;

    /// <summary>The connection is gone or was never one.</summary>
    public const int VIR_ERR_INVALID_CONN = 6;

    /// <summary>An argument is malformed.</summary>
    public const int VIR_ERR_INVALID_ARG = 8;

    /// <summary>The operation failed; among others: a channel that someone else has open, a stream that was aborted.</summary>
    public const int VIR_ERR_OPERATION_FAILED = 9;

    /// <summary>A required part of the XML is missing or bad.</summary>
    public const int VIR_ERR_XML_ERROR = 27;

    /// <summary>The XML is not well formed.</summary>
    public const int VIR_ERR_XML_DETAIL = 35;

    /// <summary>A system call failed; among others, no libvirtd listens on its socket.</summary>
    public const int VIR_ERR_SYSTEM_ERROR = 38;

    /// <summary>libvirt and libvirtd did not understand each other.</summary>
    public const int VIR_ERR_RPC = 39;

    /// <summary>There is no such domain.</summary>
    public const int VIR_ERR_NO_DOMAIN = 42;

    /// <summary>Not possible in the domain's state: it is not running, already running, already paused.</summary>
    public const int VIR_ERR_OPERATION_INVALID = 55;

    /// <summary>The configuration asks for something the host does not have.</summary>
    public const int VIR_ERR_CONFIG_UNSUPPORTED = 67;

    /// <summary>Another job held the domain for 30 s, libvirt's limit.</summary>
    public const int VIR_ERR_OPERATION_TIMEOUT = 68;

    /// <summary>A hook script vetoed.</summary>
    public const int VIR_ERR_HOOK_SCRIPT_FAILED = 70;

    /// <summary>The operation was cut short from outside, such as a job by virDomainAbortJob.</summary>
    public const int VIR_ERR_OPERATION_ABORTED = 78;

    /// <summary>The domain has no such metadata element, title or description.</summary>
    public const int VIR_ERR_NO_DOMAIN_METADATA = 80;

    /// <summary>The driver knows the function but not with these arguments.</summary>
    public const int VIR_ERR_OPERATION_UNSUPPORTED = 84;
}
