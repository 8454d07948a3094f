// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>Another host may run this guest. This host must not run it a moment longer.</summary>
internal sealed class FencedException(string message) : Exception(message);
