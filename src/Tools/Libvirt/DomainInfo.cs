// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Libvirt;

/// <param name="IsActive">The guest runs, or is paused.</param>
/// <param name="IsPersistent">It has a definition that outlives its run.</param>
internal sealed record DomainInfo(bool IsActive, bool IsPersistent);
