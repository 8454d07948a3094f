// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>Looks at one thing guests need to be protected. Changes nothing that lasts.</summary>
internal interface IDoctorCheck
{
    IEnumerable<Finding> Run();
}
