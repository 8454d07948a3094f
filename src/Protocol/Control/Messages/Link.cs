// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>
/// A primary has connected for this guest. One descriptor, the TCP socket with the preamble already read, is attached
/// (<c>SCM_RIGHTS</c>) to the first byte of this frame, which is sent by one <c>sendmsg</c> of its own.
/// </summary>
/// <remarks>
/// A receiver queues descriptors in the order they arrive and takes the oldest for each <c>link</c>: the kernel may return the
/// frame together with earlier bytes, but never two descriptors out of order.
/// </remarks>
public sealed record Link : ControlMessage;
