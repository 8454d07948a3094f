// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Tests.Disk.Buffer;

/// <summary>One write; epoch 0 is the open one.</summary>
internal sealed record ModelWrite(ulong Epoch, DiskWrite Kind, long Offset, long Length, byte[] Data);
