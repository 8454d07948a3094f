// SPDX-License-Identifier: LGPL-2.1-or-later
using static Hikae.Guest.Pages.KernelPageFlags;

namespace Hikae.Guest.Pages;

/// <summary>Turns page flags, in rising order of page frame, into a class per page.</summary>
/// <remarks>
/// Up to Linux 6.1 the tail pages of a large folio carry hardly a flag of their own and only their head tells what they
/// are; by 6.18 each carries the folio's. So a tail is judged by the union of its own flags and its head's, which is
/// right for both, and refuses whatever either refuses. The head is remembered from one call to the next, because a folio may lie
/// across the border of two reads. A tail whose head was never seen (the range began in the middle of the folio) has only its own.
///
/// KSM is not looked at: 6.12 sets it on each anonymous page, and before that a merged page is anonymous anyway.
/// SLAB is looked at first: on 6.18 a slab page's other flags are false (its fields are reused).
/// </remarks>
internal sealed class PageClassifier
{
    private const ulong NeverFree = KPF_HWPOISON | KPF_NOPAGE | KPF_OFFLINE | KPF_RESERVED;

    private const ulong NeverCache =
        KPF_ANON | KPF_SWAPBACKED | KPF_DIRTY | KPF_WRITEBACK | KPF_LOCKED | KPF_ERROR | KPF_SWAPCACHE | KPF_HUGE | KPF_UNEVICTABLE
        | KPF_ZERO_PAGE | KPF_PGTABLE | KPF_MLOCKED | NeverFree;

    private ulong _headFlags;

    /// <summary>The next page does not follow the last one: forget the folio we were in.</summary>
    internal void Restart() => _headFlags = 0;

    /// <summary>The class of the next page.</summary>
    internal PageClass Classify(ulong flags)
    {
        if ((flags & KPF_COMPOUND_TAIL) != 0)
        {
            flags |= _headFlags;
        }
        else
        {
            _headFlags = (flags & KPF_COMPOUND_HEAD) != 0 ? flags : 0;
        }

        if ((flags & KPF_SLAB) != 0)
        {
            return PageClass.Other;
        }

        if ((flags & (KPF_BUDDY | NeverFree)) == KPF_BUDDY)
        {
            return PageClass.Free;
        }

        return (flags & (KPF_LRU | NeverCache)) == KPF_LRU ? PageClass.Cache : PageClass.Other;
    }
}
