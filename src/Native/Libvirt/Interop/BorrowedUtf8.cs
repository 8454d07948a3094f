// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices.Marshalling;

namespace Hikae.Native.Libvirt;

/// <summary>A C string that stays libvirt's: it is copied and never freed.</summary>
/// <remarks>
/// The default marshaller of a returned string frees it, which is right for virDomainGetXMLDesc and corrupts the heap for
/// virDomainGetName. A <c>const char *</c> in libvirt's headers is the sign that this one is needed.
/// </remarks>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedOut, typeof(BorrowedUtf8))]
internal static unsafe class BorrowedUtf8
{
    public static string? ConvertToManaged(byte* borrowed) => Utf8StringMarshaller.ConvertToManaged(borrowed);
}
