// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Tests.Disk;

internal sealed record NbdTestReply(ulong Cookie, uint Error, byte[] Data);
