// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>An answer could not be sent. Told apart from the errors of the image, which are answers.</summary>
internal sealed class ClientGoneException(Exception cause) : Exception(cause.Message, cause);
