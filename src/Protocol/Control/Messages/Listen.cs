// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>
/// Asks hikaed for a listening unix socket that outlives the sidecar: a disk's. The one it has for <paramref name="Path"/>, or a new one. Answered by <see cref="Listening"/>
/// with the socket as its descriptor, or by <see cref="Result"/> when it cannot be had.
/// </summary>
/// <param name="Guest">The guest's UUID: its sockets are closed when its primary sidecar says goodbye.</param>
/// <param name="Path">Absolute; the file's name begins with <c>hikae-</c>. Whatever lies there without a listener of hikaed's is replaced.</param>
/// <param name="Uid">Owner of the file: the user of the guest's QEMU, who alone may connect.</param>
/// <param name="Gid">Group of the file.</param>
public sealed record Listen(Guid Guest, string Path, uint Uid, uint Gid) : ControlMessage;
