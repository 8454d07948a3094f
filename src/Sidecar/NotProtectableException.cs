// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>The guest cannot be protected as it is; the message is the sentence its administrator reads. It runs on.</summary>
internal sealed class NotProtectableException(string reason) : Exception(reason);
