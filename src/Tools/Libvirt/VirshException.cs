// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Libvirt;

/// <summary>virsh is missing or did not do what it was asked for. The text is virsh's own, for the user.</summary>
internal sealed class VirshException(string message) : Exception(message);
