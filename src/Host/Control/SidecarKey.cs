// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Control;

/// <summary>One sidecar of this host. A host may be primary and backup of one guest for a moment, after a failover back.</summary>
internal readonly record struct SidecarKey(Guid Uuid, GuestRole Role);
