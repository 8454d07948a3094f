// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Links;

/// <summary>A connection cannot become a link; it is closed, and its primary may come again.</summary>
internal sealed class LinkRefusedException(string message) : Exception(message);
