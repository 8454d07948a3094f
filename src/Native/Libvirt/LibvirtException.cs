// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>A libvirt function failed; the text has the function's name and libvirt's own words.</summary>
/// <param name="function">The C function.</param>
/// <param name="code">libvirt's code, see <see cref="LibvirtErrorCode"/>.</param>
/// <param name="detail">libvirt's text.</param>
public sealed class LibvirtException(string function, int code, string? detail)
    : Exception($"{function}: {detail ?? "no text"} (libvirt error {code})")
{
    /// <summary>The C function that failed.</summary>
    public string Function { get; } = function;

    /// <summary>libvirt's code, see <see cref="LibvirtErrorCode"/>.</summary>
    public int Code { get; } = code;

    // libvirt keeps the last error per thread and clears it at the start of nearly every call on that thread, virDomainFree included.
    // So the functions below are the statement right after the call, before any await or Dispose.

    internal static void ThrowIfFailed(int result, string function)
    {
        if (result < 0)
        {
            ThrowLast(function);
        }
    }

    internal static T ThrowIfNull<T>([NotNull] T? result, string function)
        where T : class
    {
        if (result is null or SafeHandle { IsInvalid: true })
        {
            ThrowLast(function);
        }

        return result;
    }

    [DoesNotReturn]
    internal static void ThrowLast(string function) => throw Last(function);

    internal static LibvirtException Last(string function) =>
        new(function, LibvirtApi.virGetLastErrorCode(), LibvirtApi.virGetLastErrorMessage());
}
