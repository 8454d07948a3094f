// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>What a page's flags say about it.</summary>
internal enum PageClass
{
    /// <summary>Nothing that would make it soft.</summary>
    Other,

    /// <summary>On the kernel's free lists.</summary>
    Free,

    /// <summary>Clean page cache by its flags. The host proves it, or does not.</summary>
    Cache,
}
